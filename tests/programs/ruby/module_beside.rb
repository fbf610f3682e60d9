require_relative "lib/helper"

puts Helper.greet
