// tries: to write to stderr without end, where the service may not count
// status: time_limit_exceeded
// limits: {"cpu_time_ms": 1500, "wall_time_ms": 2500, "output_bytes": 100000}
class Main {
    public static void main(String[] arguments) {
        String line = "e".repeat(10000);
        for (;;) System.err.println(line);
    }
}
