public class Main {
    int x = "no";
}
