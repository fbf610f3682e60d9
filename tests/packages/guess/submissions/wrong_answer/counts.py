guess = 1
print(guess, flush=True)
while guess < 10 and input() != "correct":
    guess += 1
    print(guess, flush=True)
