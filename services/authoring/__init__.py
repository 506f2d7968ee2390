"""What a person does to a workflow: drafts, publishing, live settings, pausing, turning off."""
