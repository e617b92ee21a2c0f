"""From a prompt to a submission: who may send it, its check, and a preview where something is to be decided."""
