// tries: to have javac decide what cannot be decided: whether a type is a subtype, which asks the same of larger ones
// status: time_limit_exceeded|memory_limit_exceeded|compile_error
// flags: ["-J-Xss200m"]
// compile_limits: {"cpu_time_ms": 2000, "wall_time_ms": 4000}
interface N<Z> {}

class C<P> implements N<N<? super C<C<P>>>> {
    N<? super C<Byte>> cast(C<Byte> c) {
        return c;
    }
}

class Main {
    public static void main(String[] arguments) {}
}
