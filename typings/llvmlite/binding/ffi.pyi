from ctypes import _CFunctionType
from types import TracebackType

class OutputString:
    def __enter__(self) -> OutputString: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class _Library:
    _name: str
    def __getattr__(self, name: str) -> _CFunctionType: ...

lib: _Library
