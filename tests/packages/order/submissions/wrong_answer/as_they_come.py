items = int(input().split()[0])
print(*range(1, items + 1))
