// header: taken
#include <iostream>
#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

int main() {
    std::vector<std::string> words{"b", "a"};
    std::sort(words.begin(), words.end());
    std::map<char, int> count;
    for (auto &word : words) count[word[0]]++;
    std::cout << words[0] << count['a'] << std::strlen("four") << '\n';
}
