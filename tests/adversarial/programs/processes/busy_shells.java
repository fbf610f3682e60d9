// tries: to use forty times its share: shells that are busy for ever, from the virtual machine
// status: time_limit_exceeded
// says: CPU
// limits: {"cpu_time_ms": 1500, "wall_time_ms": 6000}
// beside: innocent
class Main {
    public static void main(String[] arguments) throws Exception {
        Process last = null;
        for (int i = 0; i < 40; i++) last = new ProcessBuilder("/bin/sh", "-c", "while :; do :; done").inheritIO().start();
        last.waitFor();
    }
}
