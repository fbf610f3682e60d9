// tries: to have the next case run another class: in the class path, in its archive, by options in files
// via: judge
// status: accepted,accepted,accepted
// limits: {"cpu_time_ms": 4000, "wall_time_ms": 8000}
import java.io.*;
import java.nio.file.*;
import java.util.*;

class Main {
    public static void main(String[] arguments) throws Exception {
        List<String> broke = new ArrayList<>();
        Path mark = Path.of(System.getProperty("java.io.tmpdir"), "mark");
        if (Files.exists(mark)) broke.add("the mark is there");
        if (System.getProperty("mark") != null) broke.add("an option was read");
        if (Main.class.getResource("/other.txt") != null) broke.add("another file is in the class path");
        if (java.util.prefs.Preferences.userRoot().getInt("mark", 0) != 0) broke.add("a preference was kept");
        System.out.println(broke.isEmpty() ? "held" : String.join("; ", broke));

        Files.writeString(mark, "mark");
        Files.writeString(Path.of("/work/other.txt"), "mark");
        Files.writeString(Path.of("/work/.hotspotrc"), "-Dmark=1");
        Files.writeString(Path.of("/work/JDK_JAVA_OPTIONS"), "-Dmark=1");
        Files.write(Path.of("/work/Main.class"), new byte[] {(byte) 0xca, (byte) 0xfe});
        Files.createDirectories(Path.of("/work/java/lang"));
        Files.write(Path.of("/work/java/lang/String.class"), new byte[100]);
        try {
            java.util.prefs.Preferences.userRoot().putInt("mark", 1);
            java.util.prefs.Preferences.userRoot().flush();
        } catch (Exception refused) {
        }
    }
}
