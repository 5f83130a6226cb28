"""Federated workflow execution for knowledge graphs."""
