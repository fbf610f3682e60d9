// tries: to have the compiler complain without end
// status: compile_error|time_limit_exceeded|memory_limit_exceeded|output_limit_exceeded
// flags: ["-fmax-errors=0", "-ftemplate-backtrace-limit=0", "-fno-diagnostics-show-caret", "-ftemplate-depth=2000"]
// compile_limits: {"cpu_time_ms": 1500, "wall_time_ms": 3000}
#define TEN(x) x x x x x x x x x x
#define MANY(x) TEN(TEN(TEN(x)))
template <int n> struct Deep : Deep<n - 1> {};
int main() {
    MANY(TEN({ undeclared_name_that_is_long_enough_to_fill_a_line_of_its_own_in_the_messages_of_the_compiler; }))
    Deep<1000000> deep;
}
