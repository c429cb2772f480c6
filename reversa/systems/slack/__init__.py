"""Slack workspace exports, as Slack writes them and as common tools complete them (reference: docs/adapters/slack.md)."""
