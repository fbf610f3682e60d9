import java.util.concurrent.*;

public class Main {
    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        int sum = 0;
        for (int i = 0; i < 20; i++) {
            int n = i;
            sum += pool.submit(() -> n).get();
        }
        pool.shutdown();
        System.out.println(sum);
    }
}
