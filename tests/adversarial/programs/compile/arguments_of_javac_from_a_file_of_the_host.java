// tries: to have javac take its arguments from files that it should not read, and complain about each word
// status: compile_error
// flags: ["@/proc/self/environ", "@/proc/1/environ", "@@host_file@"]
class Main {
    public static void main(String[] arguments) {}
}
