// tries: to have javac run a command while it compiles, by an option for the case that it lacks memory
// status: compile_error|memory_limit_exceeded|time_limit_exceeded
// flags: ["-J-Xms2m", "-J-Xmx3m", "-J-XX:OnOutOfMemoryError=cat @host_file@ /proc/1/environ; sleep 1000 & echo a command ran"]
// compile_limits: {"cpu_time_ms": 5000, "wall_time_ms": 8000}
class Main {
    public static void main(String[] arguments) {}
}
