input()
numbers = list(map(int, input().split()))
print("%.3f" % (sum(numbers) / len(numbers)))
