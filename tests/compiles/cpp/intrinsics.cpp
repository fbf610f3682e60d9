// header: taken
#include <bits/stdc++.h>
#include <immintrin.h>
int main() {
    __m128i sum = _mm_add_epi32(_mm_set1_epi32(3), _mm_set1_epi32(4));
    std::cout << _mm_cvtsi128_si32(sum) << '\n';
}
