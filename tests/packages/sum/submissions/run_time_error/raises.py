a, b = map(int, input().split())
assert a + b < 1 << 32
print(a + b)
