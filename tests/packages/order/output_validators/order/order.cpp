// `order input answer feedback_dir/ [any_case] < output`: any order in which each of the pairs is kept.
#include <cctype>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

enum { ACCEPTED = 42, WRONG = 43 };

static std::string feedback;

static int wrong(const std::string &message) {
    std::ofstream(feedback + "judgemessage.txt") << message << '\n';
    return WRONG;
}

int main(int argc, char **argv) {
    if (argc < 4) return 1;
    feedback = argv[3];
    bool any_case = argc > 4 && std::string(argv[4]) == "any_case";
    std::ifstream input(argv[1]), answer(argv[2]);
    int items, pairs;
    std::string first, word;
    if (!(input >> items >> pairs) || !(answer >> first)) return 1;
    if (!(std::cin >> word)) return wrong("no output");
    std::string lower = word;
    for (char &c : lower) c = std::tolower(static_cast<unsigned char>(c));
    bool is_impossible = (any_case ? lower : word) == "impossible";
    if (is_impossible != (first == "impossible")) return wrong("whether it is possible");
    if (is_impossible) return std::cin >> word ? wrong("more than a word") : ACCEPTED;
    std::vector<int> place(items + 1, 0);
    for (int i = 1; i <= items; i++) {
        if (i > 1 && !(std::cin >> word)) return wrong("too few items");
        if (word.empty() || word.size() > 6 || word.find_first_not_of("0123456789") != std::string::npos)
            return wrong("`" + word + "` is no item");
        int item = std::stoi(word);
        if (item < 1 || item > items || place[item]) return wrong("item " + word);
        place[item] = i;
    }
    if (std::cin >> word) return wrong("too many items");
    for (int before, after; pairs-- && input >> before >> after;)
        if (place[before] > place[after])
            return wrong(std::to_string(before) + " comes after " + std::to_string(after));
    return ACCEPTED;
}
