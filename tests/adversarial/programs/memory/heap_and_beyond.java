// tries: to take memory on the heap and beside it, catching every error and going on
// status: memory_limit_exceeded|time_limit_exceeded
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000, "memory_bytes": 201326592}
import java.nio.ByteBuffer;
import java.util.*;

class Main {
    public static void main(String[] arguments) {
        List<Object> kept = new ArrayList<>();
        for (;;) {
            try {
                kept.add(new long[1 << 17]);
            } catch (OutOfMemoryError full) {
            }
            try {
                ByteBuffer direct = ByteBuffer.allocateDirect(1 << 20);
                for (int i = 0; i < direct.capacity(); i += 4096) direct.put(i, (byte) 1);
                kept.add(direct);
            } catch (OutOfMemoryError full) {
            }
        }
    }
}
