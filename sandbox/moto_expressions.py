"""moto's reading of an UpdateExpression, which takes it most of the time of an UpdateItem, done once and in less.

It would parse the text twice, copy the tree in the slowest way there is, and at each node of a dozen walks through it
ask an abstract class whether the node is one of its own.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache, lru_cache
from typing import Any

from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Expression, Node, UpdateExpressionFunction
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

_among: Any = cache(issubclass)


def put_right() -> None:
    """Do it for the rest of the process."""
    # Who changes a tree copies it first, so all may have the same.
    UpdateExpressionParser.make = lru_cache(maxsize=256)(UpdateExpressionParser.make)
    Node.__deepcopy__ = lambda self, _: _copy(self)
    Node.find_clauses = _find_clauses
    DepthFirstTraverser.nodes_to_be_processed = lru_cache(1)(DepthFirstTraverser.nodes_to_be_processed)
    DepthFirstTraverser.traverse_node_recursively = _traverse


def _copy(node: Any) -> Any:
    """Copy a part of an expression, as copy.deepcopy does."""
    if not _among(type(node), (Node,)):
        return deepcopy(node)
    new = object.__new__(type(node))
    new.__dict__.update(node.__dict__)
    if node.children is not None:
        new.children = [_copy(child) for child in node.children]
        for child in new.children:
            if _among(type(child), (Node,)):
                child.parent = new
    return new


def _find_clauses(self: Any, kinds: Any) -> list[Any]:
    """Return the nodes of these kinds below one, without those below them."""
    found: list[Any] = []
    for child in self.children or ():
        if type(child) in kinds:
            found.append(child)
        elif _among(type(child), (Expression, UpdateExpressionFunction)):
            found.extend(child.find_clauses(kinds))
    return found


def _traverse(self: Any, node: Any, child_id: int = -1) -> Any:
    """Let a traverser process the nodes of its kinds, each after its children; return what the node has become."""
    if _among(type(node), (Node,)):
        parent = node.parent
        for number, child in enumerate(node.children or ()):
            self.pre_processing_of_child(node, number)
            self.traverse_node_recursively(child, number)
        if _among(type(node), self.nodes_to_be_processed()):
            node = self.process(node)
            node.parent = parent
            if parent:
                parent.children[child_id] = node
    return node
