"""What stands in for the store and for AWS when the project runs on this machine."""
