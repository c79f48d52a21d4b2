"""The labels on everything that a stack makes in Docker. No engine imported: tasks find things by them too."""

from __future__ import annotations

PROJECT_LABEL = "com.christmas.project"
STACK_LABEL = "com.christmas.stack"
SERVICE_LABEL = "com.christmas.service"
