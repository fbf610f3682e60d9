local function f(t)
    return t.missing.field
end

f({})
