sum=0
for word in $(cat); do sum=$((sum + word)); done
echo "$sum"
