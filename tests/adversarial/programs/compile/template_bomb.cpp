// tries: to have the compiler make types without end
// status: memory_limit_exceeded|time_limit_exceeded
// flags: ["-ftemplate-depth=1000000"]
// compile_limits: {"cpu_time_ms": 3000, "wall_time_ms": 6000, "memory_bytes": 201326592}
// beside: innocent
template <class A, class B> struct Pair {};
template <int depth, class T> struct Bomb {
    using type = typename Bomb<depth - 1, Pair<Pair<T, T>, Bomb<depth, Pair<T, int>>>>::type;
};
template <class T> struct Bomb<0, T> {
    using type = T;
};
int main() {
    return sizeof(Bomb<900000, int>::type);
}
