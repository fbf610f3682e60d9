items, pairs = map(int, input().split())
after = {item: set() for item in range(1, items + 1)}
for _ in range(pairs):
    one, other = map(int, input().split())
    after[other].add(one)
order = []
while after:
    free = [item for item, wanted in after.items() if not wanted]
    if not free:
        break
    order.append(free[-1])
    del after[free[-1]]
    for wanted in after.values():
        wanted.discard(free[-1])
print("impossible" if after else " ".join(map(str, order)))
