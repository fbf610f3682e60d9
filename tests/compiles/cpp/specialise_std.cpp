// header: taken
#include <bits/stdc++.h>
struct Key { int a, b; bool operator==(const Key &) const = default; };
namespace std { template <> struct hash<Key> { size_t operator()(const Key &k) const { return k.a * 31 + k.b; } }; }
int main() { std::unordered_map<Key, int> map; map[{1, 2}] = 3; std::cout << map.at({1, 2}) << '\n'; }
