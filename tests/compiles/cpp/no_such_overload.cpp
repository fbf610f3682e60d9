// header: taken
#include <bits/stdc++.h>

struct Point { int x, y; };

int main() {
    std::set<Point> points;
    points.insert({1, 2});
    std::cout << Point{1, 2};
    std::sort(points.begin(), points.end());
}
