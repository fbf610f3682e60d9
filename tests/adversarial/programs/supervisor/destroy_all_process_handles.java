// tries: to destroy every process that the virtual machine can list, then to read what /proc has of them
// status: ok
import java.nio.file.*;
import java.util.*;

class Main {
    public static void main(String[] arguments) throws Exception {
        List<String> broke = new ArrayList<>();
        long self = ProcessHandle.current().pid();
        List<Long> others = new ArrayList<>();
        for (String name : Path.of("/proc").toFile().list())
            if (name.matches("[0-9]+") && Long.parseLong(name) != self) others.add(Long.parseLong(name));
        if (others.size() < 2) broke.add("PID 1 and the agent are not to be seen");
        for (ProcessHandle handle : ProcessHandle.allProcesses().toList()) {
            if (handle.pid() == self) continue;
            handle.destroy();
            handle.destroyForcibly();
        }
        Thread.sleep(100);
        for (long pid : others) {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            char state = stat.charAt(stat.lastIndexOf(')') + 2);
            if (state != 'S' && state != 'R') broke.add(pid + " is in state " + state);
            for (String file : List.of("environ", "mem", "maps", "io"))
                try {
                    if (Files.newInputStream(Path.of("/proc/" + pid + "/" + file)).read() >= 0) broke.add(file + " of " + pid);
                } catch (java.io.IOException refused) {
                }
        }
        System.out.println(broke.isEmpty() ? "held" : String.join("; ", broke));
    }
}
