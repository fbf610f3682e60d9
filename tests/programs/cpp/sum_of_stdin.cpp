#include <bits/stdc++.h>

int main()
{
    std::cout << std::accumulate(std::istream_iterator<long>(std::cin), {}, 0L) << '\n';
}
