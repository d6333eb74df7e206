"""The main job played on a stack that is deployed, wherever that is; see docs/e2e.md."""
