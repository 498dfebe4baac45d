"""What was published and what was measured here: recipes, reported tables, scores, curves."""
