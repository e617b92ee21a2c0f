"""Notes the alerts that a part opens and closes."""

from bot.models.alert import AlertName, AlertSubject


class AlertLog(list[tuple[str, str]]):
    """Each alert with its text as it is opened, also again; with no text as it is closed."""

    def open(self, name: AlertName, text: str, *, subject: AlertSubject = None) -> None:
        self.append((name, text))

    def close(self, name: AlertName, *, subject: AlertSubject = None) -> None:
        self.append((name, ""))

    def is_open(self, name: AlertName, *, subject: AlertSubject = None) -> bool:
        return next((bool(text) for other, text in reversed(self) if other == name), False)


class NoAlerts:
    """Fails at the first alert: where nothing may go wrong."""

    def open(self, name: AlertName, text: str, *, subject: AlertSubject = None) -> None:
        raise AssertionError(f"{name} {subject}: {text}")

    def close(self, name: AlertName, *, subject: AlertSubject = None) -> None:
        """Nothing was open."""

    def is_open(self, name: AlertName, *, subject: AlertSubject = None) -> bool:
        return False
