for line in io.popen("printf \"b\\na\\n\" | sort"):lines() do
    print(line)
end
