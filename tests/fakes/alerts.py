"""Notes the alerts that a part opens and closes."""

from collections.abc import Set as AbstractSet

from bot.models.alert import AlertName, AlertSubject


class AlertLog(list[tuple[str, str]]):
    """Each alert with its text as it is opened, also again; with no text as it is closed."""

    def open(self, name: AlertName, text: str, *, subject: AlertSubject = None) -> None:
        self.append((name, text))

    def close(self, name: AlertName, *, subject: AlertSubject = None) -> None:
        self.append((name, ""))

    def is_open(self, name: AlertName, *, subject: AlertSubject = None) -> bool:
        return next((bool(text) for other, text in reversed(self) if other == name), False)

    def forget(self, name: AlertName, subjects: AbstractSet[AlertSubject]) -> None:
        """Nothing is said."""

    def inform(self, text: str) -> None:
        self.append(("", text))

    def open_subjects(self, name: AlertName) -> AbstractSet[AlertSubject]:
        return frozenset()


class NoAlerts:
    """Fails at the first alert: where nothing may go wrong."""

    def open(self, name: AlertName, text: str, *, subject: AlertSubject = None) -> None:
        raise AssertionError(f"{name} {subject}: {text}")

    def close(self, name: AlertName, *, subject: AlertSubject = None) -> None:
        """Nothing was open."""

    def is_open(self, name: AlertName, *, subject: AlertSubject = None) -> bool:
        return False

    def forget(self, name: AlertName, subjects: AbstractSet[AlertSubject]) -> None:
        """Nothing was open."""

    def inform(self, text: str) -> None:
        raise AssertionError(text)

    def open_subjects(self, name: AlertName) -> AbstractSet[AlertSubject]:
        return frozenset()
