// tries: to start platform threads, then virtual ones, until the machine has none left
// status: ok|process_limit_exceeded
// stdout_ends: "held\n"
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 6000}
import java.util.concurrent.CountDownLatch;

class Main {
    public static void main(String[] arguments) {
        int started = 0;
        CountDownLatch never = new CountDownLatch(1);
        try {
            for (; started < 5000; started++) {
                Thread thread = new Thread(null, () -> {
                    try {
                        never.await();
                    } catch (InterruptedException ended) {
                    }
                }, "bomb", 64 * 1024);
                thread.setDaemon(true);
                thread.start();
            }
        } catch (OutOfMemoryError none) {
        }
        System.out.println(started < 128 ? "held" : started + " threads");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
