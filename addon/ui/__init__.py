"""What an artist sees."""


def register() -> None: ...


def unregister() -> None: ...
