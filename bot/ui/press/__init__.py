"""From a click or a form to a submission."""
