import java.util.ArrayList;
import java.util.List;

/** The virtual machine knows how much memory the request allows: it says when the heap is full, and is not ended for it. */
public class Main {
    public static void main(String[] args) {
        List<byte[]> held = new ArrayList<>();
        try {
            while (true) {
                held.add(new byte[8 << 20]);
            }
        } catch (OutOfMemoryError full) {
            int mebibytes = held.size() * 8;
            held = null;
            System.out.println(mebibytes > 100 && mebibytes < 256);
        }
    }
}
