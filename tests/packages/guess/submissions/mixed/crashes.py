# @EXPECTED_RESULTS@: RUN-ERROR, WRONG-ANSWER
# The validator misses a guess, since the program has crashed.
print(1, flush=True)
assert input() == "correct"
