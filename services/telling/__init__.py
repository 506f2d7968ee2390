"""What people are told: timelines, reports, explanations, previews."""
