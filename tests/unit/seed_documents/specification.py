"""The document class as the specification has it."""

from __future__ import annotations

from typing import Any

SPECIFIED: dict[str, Any] = {
    "class": "ChristmasDocument",
    "description": "Christmas 프로젝트 문서 청크",
    "vectorizer": "text2vec-openai",
    "moduleConfig": {"text2vec-openai": {"model": "text-embedding-ada-002", "modelVersion": "002", "type": "text"}},
    "properties": [
        {"name": "content", "dataType": ["text"], "description": "문서 청크 내용"},
        {"name": "file_path", "dataType": ["string"], "description": "원본 파일 경로"},
        {"name": "section", "dataType": ["string"], "description": "문서 섹션"},
        {"name": "chunk_id", "dataType": ["int"], "description": "청크 ID"},
        {"name": "metadata", "dataType": ["text"], "description": "추가 메타데이터(타임스탬프, 토큰 수 등)"},
    ],
}
