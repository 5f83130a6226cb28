from hypothesis import settings

# Time is never a verdict: a busy machine would fail examples that are right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
