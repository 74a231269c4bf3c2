print("hostald")
