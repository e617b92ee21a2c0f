"""Notes the alerts that a part opens and closes."""

from bot.models.alert import AlertName


class AlertLog(list[tuple[str, str]]):
    """Each alert with its text as it is opened, also again; with no text as it is closed."""

    def open(self, name: AlertName, text: str, *, subject: int | None = None) -> None:
        assert subject is None
        self.append((name, text))

    def close(self, name: AlertName, *, subject: int | None = None) -> None:
        assert subject is None
        self.append((name, ""))

    def is_open(self, name: AlertName, *, subject: int | None = None) -> bool:
        assert subject is None
        return next((bool(text) for other, text in reversed(self) if other == name), False)


class NoAlerts:
    """Fails at the first alert: where nothing may go wrong."""

    def open(self, name: AlertName, text: str, *, subject: int | None = None) -> None:
        raise AssertionError(f"{name} {subject}: {text}")

    def close(self, name: AlertName, *, subject: int | None = None) -> None:
        """Nothing was open."""

    def is_open(self, name: AlertName, *, subject: int | None = None) -> bool:
        return False
