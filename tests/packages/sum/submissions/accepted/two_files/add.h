typedef long long number;

number add(number a, number b);
