// Interactive: `guess input answer feedback_dir/ most=N`. Each guess is answered with lower, higher or correct.
#include <fstream>
#include <iostream>
#include <string>

enum { ACCEPTED = 42, WRONG = 43 };

static std::string feedback;

static int judged(int code, const std::string &message) {
    std::ofstream(feedback + "judgemessage.txt") << message << '\n';
    return code;
}

int main(int argc, char **argv) {
    if (argc < 4) return 1;
    feedback = argv[3];
    int most = 0, secret, guess;
    for (int i = 4; i < argc; i++) {
        std::string flag = argv[i];
        if (flag.rfind("most=", 0) == 0) most = std::stoi(flag.substr(5));
    }
    if (!most || !(std::ifstream(argv[1]) >> secret)) return 1;
    for (int round = 1; round <= most; round++) {
        if (!(std::cin >> guess)) return judged(WRONG, "no guess in round " + std::to_string(round));
        if (guess == secret) {
            std::cout << "correct" << std::endl;
            return judged(ACCEPTED, "after " + std::to_string(round) + " guesses");
        }
        std::cout << (secret < guess ? "lower" : "higher") << std::endl;
    }
    return judged(WRONG, "not after " + std::to_string(most) + " guesses");
}
