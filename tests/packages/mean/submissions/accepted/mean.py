input()
numbers = list(map(int, input().split()))
print("%.7f" % (sum(numbers) / len(numbers)))
