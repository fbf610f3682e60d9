// header: taken
#include <bits/stdc++.h>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
using namespace __gnu_pbds;
using Tree = tree<int, null_type, std::less<int>, rb_tree_tag, tree_order_statistics_node_update>;
int main() {
    Tree tree;
    for (int i = 0; i < 10; i++) tree.insert(i * i);
    std::cout << *tree.find_by_order(3) << tree.order_of_key(50) << '\n';
}
