"""Webhooks: hooks that exist, deliveries that are proven and kept, events on the stack's bus.

Each function imports its own module - ``receiver``, ``processor``, ``sync`` - and pays for no other's at a cold start.
"""
